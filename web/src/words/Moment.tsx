import { useSyncExternalStore } from "react";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICK_MS = 10_000;

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const TODAY = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const LATER = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

/** A moment in the browser's time zone, exact on hover. */
export function Moment({ at }: { at: string }) {
  return <Told at={at} words={when(at)} />;
}

/** How long ago a moment was, or how long it is until then; it moves on by itself. */
export function Distance({ at, since = false }: { at: string; since?: boolean }) {
  const now = useNow();
  const apart = new Date(at).getTime() - now;
  return <Told at={at} words={since ? span(-apart) : apart < 0 ? `${span(-apart)} ago` : `in ${span(apart)}`} />;
}

function Told({ at, words }: { at: string; words: string }) {
  return (
    <time dateTime={at} title={EXACT.format(new Date(at))}>
      {words}
    </time>
  );
}

export function when(at: string): string {
  const moment = new Date(at);
  const isToday = moment.toDateString() === new Date().toDateString();
  return (isToday ? TODAY : LATER).format(moment);
}

export function span(ms: number): string {
  if (ms < MINUTE) return "less than a minute";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) {
    const minutes = Math.floor((ms % HOUR) / MINUTE);
    return `${Math.floor(ms / HOUR)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  const days = Math.floor(ms / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

let now = Date.now();
const watchers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** Return the time; whoever asks is drawn anew as it goes on. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  if (ticking === undefined) {
    // Nobody has looked at the clock since whenever.
    now = Date.now();
    ticking = setInterval(tick, TICK_MS);
  }
  return () => {
    watchers.delete(tell);
    if (watchers.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const tell of watchers) tell();
}
