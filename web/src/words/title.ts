import { useEffect } from "react";

/** Have the browser's tab say what the page shows. */
export function useTitle(words: string): void {
  useEffect(() => {
    document.title = `${words} · Frontdesk`;
    return () => {
      document.title = "Frontdesk";
    };
  }, [words]);
}
