/** Cases, conversations and approvals as the server has them, kept fresh while they are shown. */

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { answered, client, type Approval, type Case, type CaseStatus } from "../client";

const LOOK_AGAIN_MS = 10_000;
const PAGE = 100;
// So many unfinished cases are fetched by themselves; an order by due time needs all of them.
const MOST_AT_ONCE = 1000;

export const SHOWN = ["open", "claimed", "mine", "handed_back", "resolved"] as const;
export type Shown = (typeof SHOWN)[number];

/** List the cases of a status, page by page; those that are not over are all fetched. */
export function useCases(shown: Shown) {
  const status: CaseStatus = shown === "mine" ? "claimed" : shown;
  const isUnfinished = status === "open" || status === "claimed";
  const query = useInfiniteQuery({
    queryKey: ["cases", status],
    queryFn: ({ pageParam }) =>
      answered(
        client.GET("/v1/escalations", {
          params: { query: { status, limit: PAGE, ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    refetchInterval: LOOK_AGAIN_MS,
  });
  const found = query.data?.pages.flatMap((page) => page.items);
  const { fetchNextPage, hasNextPage, isFetching } = query;
  const wantsMore = isUnfinished && hasNextPage && (found?.length ?? 0) < MOST_AT_ONCE;
  useEffect(() => {
    if (wantsMore && !isFetching) void fetchNextPage();
  }, [wantsMore, isFetching, fetchNextPage]);
  return { ...query, found };
}

/** Return cases with those first whose time is over, then by when they are due. */
export function overdueFirst(cases: Case[]): Case[] {
  return cases.toSorted(
    (one, other) => due(one) - due(other) || one.created_at.localeCompare(other.created_at),
  );
}

function due(one: Case): number {
  const wanted = one.clock?.due_at ?? one.due_at;
  return wanted ? new Date(wanted).getTime() : Number.MAX_SAFE_INTEGER;
}

export function caseKey(id: string) {
  return ["case", id] as const;
}

/** Fetch one case with all that was said, again and again. */
export function useCase(id: string) {
  return useQuery({
    queryKey: caseKey(id),
    queryFn: () => answered(client.GET("/v1/escalations/{id}", { params: { path: { id } } })),
    refetchInterval: LOOK_AGAIN_MS,
  });
}

/** Fetch a conversation, whether it has a case or not. */
export function useConversation(id: string) {
  return useQuery({
    queryKey: ["conversation", id],
    queryFn: () => answered(client.GET("/v1/conversations/{id}", { params: { path: { id } } })),
    refetchInterval: LOOK_AGAIN_MS,
    enabled: id !== "",
  });
}

/** Fetch the drafts and proposals that wait for somebody's decision. */
export function useApprovals() {
  return useQuery({
    queryKey: ["approvals"],
    queryFn: async (): Promise<Approval[]> => {
      const page = await answered(
        client.GET("/v1/approvals", { params: { query: { status: "open", limit: 200 } } }),
      );
      return page.items;
    },
    refetchInterval: LOOK_AGAIN_MS,
  });
}

/**
 * Have everything about a conversation fetched anew as soon as something happens in it, and tell
 * whether the bot is writing. Only while the page is seen: a browser holds six connections to a
 * server in all, and an agent may have many cases open.
 */
export function useNews(conversation: string | undefined): { isBotWorking: boolean } {
  const queries = useQueryClient();
  const [isBotWorking, setBotWorking] = useState(false);

  useEffect(() => {
    if (!conversation || typeof EventSource === "undefined") return;
    let stream: EventSource | undefined;
    let pending: ReturnType<typeof setTimeout> | undefined;

    function refresh(): void {
      clearTimeout(pending);
      pending = setTimeout(() => {
        for (const queryKey of [["case"], ["conversation", conversation], ["approvals"]]) {
          void queries.invalidateQueries({ queryKey });
        }
      }, 150);
    }
    function follow(): void {
      stream?.close();
      stream = undefined;
      if (document.visibilityState !== "visible") return;
      stream = new EventSource(`/v1/conversations/${encodeURIComponent(conversation!)}/events`);
      for (const kind of ["message", "status", "edited", "deleted", "rating"]) {
        stream.addEventListener(kind, refresh);
      }
      stream.addEventListener("typing", (event: MessageEvent<string>) => {
        setBotWorking(Boolean((JSON.parse(event.data) as { active?: boolean }).active));
        refresh();
      });
    }

    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      clearTimeout(pending);
      stream?.close();
    };
  }, [conversation, queries]);

  return { isBotWorking };
}
