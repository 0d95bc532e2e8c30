import { Button, Loader } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  Outlet,
  redirect,
  RouterProvider,
  useLocation,
} from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";

import { Approvals, ConversationPage } from "./cases/Approvals";
import { CaseList } from "./cases/CaseList";
import { CasePage } from "./cases/CasePage";
import { SHOWN, useApprovals, type Shown } from "./cases/cases";
import { NoAnswer } from "./client";
import { RunPage } from "./runs/RunPage";
import { session, useSession } from "./session/session";
import { SignIn } from "./session/SignIn";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const getParentRoute = () => root;
const start = createRoute({
  getParentRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/cases", replace: true });
  },
});
const cases = createRoute({
  getParentRoute,
  path: "/cases",
  component: CaseList,
  validateSearch: (search: Record<string, unknown>): { show?: Shown } => {
    const show = SHOWN.find((each) => each === search["show"]);
    return show ? { show } : {};
  },
});
const oneCase = createRoute({ getParentRoute, path: "/cases/$id", component: CasePage });
const approvals = createRoute({ getParentRoute, path: "/approvals", component: Approvals });
const conversation = createRoute({
  getParentRoute,
  path: "/conversations/$id",
  component: ConversationPage,
});
const run = createRoute({
  getParentRoute,
  path: "/runs/$id",
  component: RunPage,
  validateSearch: (search: Record<string, unknown>): { case?: string } =>
    typeof search["case"] === "string" ? { case: search["case"] } : {},
});
const routeTree = root.addChildren([start, cases, oneCase, approvals, conversation, run]);

export function newRouter() {
  return createRouter({ routeTree, basepath: "/console", scrollRestoration: true });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}

export function newQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // What the server refused, it refuses again.
      queries: { retry: (failures, error) => error instanceof NoAnswer && failures < 2 },
    },
  });
}

/** The console: the sign-in where nobody is signed in, at whatever address one has come to. */
export function App() {
  const now = useSession();
  if (now.is === "in") return <SignedIn key={now.agent} />;
  if (now.is === "out") {
    return <SignIn key={now.problem} ended={now.ended} reason={now.problem} />;
  }
  return (
    <main className="door">
      {now.is === "unknown" ? (
        <p className="waiting" role="status">
          <Loader size="sm" /> One moment…
        </p>
      ) : (
        <div className="card" role="alert">
          <h1>The server cannot be reached</h1>
          <p>Check your connection. What you have typed is kept.</p>
          <Button onClick={() => void session.look()}>Try again</Button>
        </div>
      )}
    </main>
  );
}

function SignedIn() {
  const [queries] = useState(newQueries);
  const [router] = useState(newRouter);
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}

function Frame(): ReactNode {
  const now = useSession();
  const approvals = useApprovals();
  const [couldNotEnd, setCouldNotEnd] = useState(false);
  const path = useLocation({ select: (location) => location.pathname });
  const waiting = approvals.data?.length ?? 0;

  const isFirst = useRef(true);

  // Whoever follows a link by the keyboard, or is read to, goes on at the top of what it led to.
  useEffect(() => {
    if (!isFirst.current) document.getElementById("main")?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <img src="/console/favicon.svg" alt="" width="28" height="28" />
        <span className="brand">Frontdesk</span>
        <nav aria-label="Console">
          <Link to="/cases">Cases</Link>
          <Link to="/approvals">
            Approvals{waiting > 0 && <span className="count">{waiting}</span>}
          </Link>
        </nav>
        <span className="me">
          <bdi>{now.is === "in" ? now.agent : ""}</bdi>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => void session.signOut().then((isOut) => setCouldNotEnd(!isOut))}
          >
            Sign out
          </Button>
          {couldNotEnd && <span role="alert">The server could not be told. Try again.</span>}
        </span>
      </header>
      {/* Around the page, since a page that is still loading is another element than the loaded one. */}
      <div id="main" tabIndex={-1}>
        <Outlet />
      </div>
    </>
  );
}

function NotFound(): ReactNode {
  return (
    <main className="page">
      <h1>There is nothing at this address</h1>
      <p>
        <Link to="/cases">All cases</Link>
      </p>
    </main>
  );
}
