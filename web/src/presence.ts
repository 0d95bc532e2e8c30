/** Whether somebody sits in front of the page: only then does asking for news keep a session alive. */

const AWAY_AFTER_MS = 60_000;

let lastInput = Date.now();
for (const kind of ["pointerdown", "keydown", "wheel"]) {
  window.addEventListener(kind, () => (lastInput = Date.now()), { capture: true, passive: true });
}

export function isSomebodyThere(): boolean {
  return Date.now() - lastInput < AWAY_AFTER_MS;
}
