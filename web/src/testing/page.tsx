import { MantineProvider } from "@mantine/core";
import { render } from "@testing-library/react";

import { App } from "../App";
import { theme } from "../look/theme";
import { session } from "../session/session";

/** Open the console at an address, as a browser would. */
export async function openPage(address: string): Promise<void> {
  window.history.replaceState(null, "", address);
  render(
    <MantineProvider theme={theme} env="test">
      <App />
    </MantineProvider>,
  );
  await session.open();
}
