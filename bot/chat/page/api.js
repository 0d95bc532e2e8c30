/** The server as the page sees it. */

const PATIENCE = 60_000;
const LONGEST_PAUSE = 15_000;

/** What the server refused; `status` is 0 where it could not be reached. */
export class Problem extends Error {
  constructor(status, detail = "") {
    super(detail);
    this.status = status;
  }

  /** The same request may succeed later. */
  get passes() {
    return this.status === 0 || this.status >= 500;
  }
}

async function call(method, path, body) {
  const options = { method, signal: AbortSignal.timeout(PATIENCE) };
  if (body) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`/chat/${path}`, options).catch(() => {
    throw new Problem(0);
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Problem(response.status, answer.detail ?? answer.title);
}

export const getConfig = () => call("GET", "config");
export const getTexts = (language) => call("GET", `assets/texts.${language}.json`);
export const getMessages = () => call("GET", "messages");
export const openSession = (who) => call("POST", "sessions", who);
export const sendMessage = (message) => call("POST", "messages", message);
export const rate = (score) => call("POST", "rating", { score, comment: "" });

/** Wait, longer after each failed attempt, and never in step with other pages. */
export function pause(attempt) {
  const longest = Math.min(LONGEST_PAUSE, 1000 * 2 ** (attempt - 1));
  return new Promise((done) => setTimeout(done, longest * (0.5 + Math.random() / 2)));
}

/** Listen: `on` has a function per event, `opened` and `lost`. `connect` again does no harm. */
export function listen(on) {
  let source;
  let failures = 0;

  function connect() {
    if (source?.readyState === EventSource.OPEN) return;
    source?.close();
    const mine = (source = new EventSource("/chat/events"));
    for (const kind of ["message", "edited", "status", "typing"]) {
      mine.addEventListener(kind, ({ data, lastEventId }) => {
        on[kind](JSON.parse(data), Number(lastEventId));
      });
    }
    mine.onopen = () => {
      failures = 0;
      on.opened();
    };
    mine.onerror = async () => {
      failures += 1;
      on.lost();
      // The first drop is left to the browser, which resumes with Last-Event-ID.
      if (failures === 1 && mine.readyState === EventSource.CONNECTING) return;
      mine.close();
      await pause(failures);
      if (source === mine) connect();
    };
  }

  function close() {
    source.close();
    source = null;
  }

  connect();
  return { connect, close };
}
