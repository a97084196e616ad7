// The wall board: the overview, large, by a link that can be taken back (an API key of kind wall). No log-in, no menu.

import { ActionIcon, Box, Center, Group, Text, Title } from "@mantine/core";
import { useFullscreenDocument } from "@mantine/hooks";
import { IconMaximize, IconMinimize } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { feedCache } from "~/api/cache";
import { useKey as sendKey } from "~/api/client";
import { stream, useStreamState } from "~/api/events";
import { asProblem } from "~/api/problem";
import { readSession } from "~/api/session";
import { Logo } from "~/look/Logo";
import { LanguageMenu, ThemeMenu } from "~/look/Preferences";
import { Failed, Waiting } from "~/frame/States";
import { timeText, useNow } from "~/look/When";
import { useParam } from "~/url";
import { Board } from "../overview/Board";
import "../overview/overview.css";

export default function Wall() {
  const key = useParam("key");
  const [ready, setReady] = useState(false);
  useEffect(() => {
    sendKey(key);
    stream.start("");
    const stop = feedCache();
    setReady(true);
    return () => {
      stop();
      stream.stop();
      sendKey("");
    };
  }, [key]);
  return ready ? <Opened of={key} /> : <Waiting />;
}

function Opened({ of }: { of: string }) {
  const { t, i18n } = useTranslation();
  const who = useQuery({ queryKey: ["wall", of.slice(0, 10)], queryFn: () => readSession(), refetchInterval: 10_000, retry: 1 });
  const full = useFullscreenDocument();
  const now = useNow();
  const state = useStreamState();
  useEffect(() => {
    document.title = `${t("menu.wall")} - Tollgate`;
  }, [t]);
  if (who.isPending) return <Waiting />;
  if (who.isError && asProblem(who.error).status === 401)
    return (
      <Center mih="100dvh">
        <Text size="lg" role="alert">{t("overview.wall_gone")}</Text>
      </Center>
    );
  if (who.isError && !who.data) return <Failed error={who.error} reset={() => void who.refetch()} />;
  return (
    <Box component="main" className="tg-wall" bg="var(--tg-ground)">
      <Group justify="space-between">
        <Group gap="sm">
          <Logo size={34} />
          <Title order={1} fz="clamp(1.25rem, 1.8vw, 2.5rem)">{who.data?.customer || who.data?.company || "Tollgate"}</Title>
          {state !== "live" && <Text c="var(--mantine-color-error)" role="status">{t("frame.not_live")}</Text>}
        </Group>
        <Group gap="xs">
          <Text fz="clamp(1.25rem, 1.8vw, 2.5rem)" fw={600} style={{ fontVariantNumeric: "tabular-nums" }}>{timeText(new Date(now), i18n.language)}</Text>
          <LanguageMenu />
          <ThemeMenu />
          <ActionIcon variant="subtle" color="gray" c="dimmed" onClick={() => void full.toggle()} aria-label={t(full.fullscreen ? "overview.window" : "overview.full_screen")}>
            {full.fullscreen ? <IconMinimize size={20} /> : <IconMaximize size={20} />}
          </ActionIcon>
        </Group>
      </Group>
      <Board wall />
    </Box>
  );
}
