import { MantineProvider } from "@mantine/core";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import "./look/mantine.css";
import "./look/look.css";
import { session } from "./session/session";
import { theme } from "./look/theme";

void session.open();

createRoot(document.getElementById("root")!).render(
  // The Content-Security-Policy lets no script write style elements; look.css has the variables.
  <MantineProvider
    theme={theme}
    defaultColorScheme="auto"
    withCssVariables={false}
    withGlobalClasses={false}
  >
    <App />
  </MantineProvider>,
);
