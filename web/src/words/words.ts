/** How the API's values are called in front of people. */

import type { Case, CaseStatus, Delivery } from "../client";

export const STATUSES: Record<CaseStatus, string> = {
  open: "Open",
  claimed: "Claimed",
  handed_back: "Handed back",
  resolved: "Resolved",
};

export const URGENCY_COLORS: Record<Case["urgency"], string> = {
  urgent: "red",
  high: "orange",
  normal: "gray",
  low: "gray",
};

export const DELIVERIES: Record<Delivery["status"], string> = {
  pending: "On its way",
  sending: "On its way",
  delivered: "Delivered",
  withheld: "Not sent: an agent has taken over",
  failed: "Not delivered",
  unconfirmed: "Nobody knows whether it arrived; it is not sent again by itself",
};

/** Return a name of the program's, such as `double_charge`, as words. */
export function spoken(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function dollars(amount: string | null): string {
  return amount === null ? "unknown" : `$${amount}`;
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 1 ? "< 1 ms" : `${Math.round(ms)} ms`;
}

/** Return who the customer is, vouched for or not. */
export function customerOf(one: Case): { name: string; isVerified: boolean; tier: string | null } {
  const known = one.brief?.customer;
  const verified = known?.verified;
  const name = verified?.name || known?.claimed?.name || verified?.email || known?.claimed?.email;
  return {
    name: name || "A visitor",
    isVerified: Boolean(verified),
    tier: verified?.tier && verified.tier !== "standard" ? verified.tier : null,
  };
}

/** Return in a few words what a case is about. */
export function aboutOf(one: Case): string {
  const intent = one.brief?.classification?.intent;
  return intent ? spoken(intent) : "Request";
}
