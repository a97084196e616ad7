import "@mantine/core/styles.css";
import "./panel.css";

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, Suspense, lazy } from "react";
import { createRoot } from "react-dom/client";
import { cache } from "~/api/cache";
import { firstLanguage, startLanguage } from "~/i18n";
import { router } from "~/router";
import { SessionProvider } from "~/session/SessionProvider";
import { theme, variables } from "~/theme";

const Notices = lazy(() => import("~/ui/Notices"));

await startLanguage(firstLanguage());

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <Suspense>
        <Notices />
      </Suspense>
      <QueryClientProvider client={cache}>
        <SessionProvider>
          <RouterProvider router={router} />
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
