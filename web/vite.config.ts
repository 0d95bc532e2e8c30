import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env["FRONTDESK_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  // The console's Content-Security-Policy allows no data: pictures.
  build: { assetsInlineLimit: 0, license: true, modulePreload: { polyfill: false } },
  server: { proxy: { "/v1": server, "/console/session": server } },
});
