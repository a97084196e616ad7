import { Center, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** A list without rows: says why, and what to do next. */
export function Empty({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <Center mih={180} p="md">
      <Stack align="center" gap={6} maw={460}>
        <Text fw={600}>{title}</Text>
        {text && (
          <Text size="sm" c="dimmed" ta="center">
            {text}
          </Text>
        )}
        {children}
      </Stack>
    </Center>
  );
}
