import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The node that `npm run dev` and `vite preview` talk to.
const proxy = { "/api": { target: process.env.TOLLGATE ?? "http://127.0.0.1:8080", changeOrigin: true } };

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { proxy },
  preview: { proxy },
  build: {
    target: "es2022",
    // The Content-Security-Policy allows no data: scripts, and a page loads what it needs only.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    manifest: true,
    chunkSizeWarningLimit: 900,
  },
});
