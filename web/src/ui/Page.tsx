import { Box } from "@mantine/core";
import type { ReactNode } from "react";
import { PageHead } from "./PageHead";

/** A page inside of the frame: head and content with the margins that all pages have. */
export function Page({ title, actions, note, children }: { title: string; actions?: ReactNode; note?: ReactNode; children: ReactNode }) {
  return (
    <Box p={{ base: "sm", sm: "md" }}>
      <PageHead title={title} note={note}>
        {actions}
      </PageHead>
      {children}
    </Box>
  );
}
