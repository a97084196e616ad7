// The frame around every page of somebody who is logged in: header, menu, banners, footer.

import { AppShell, Burger, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Outlet, useLocation } from "@tanstack/react-router";
import { Suspense, lazy, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { feedCache } from "~/api/cache";
import { stream } from "~/api/events";
import { clearJournal } from "~/api/journal";
import { useSessionState } from "~/session/SessionProvider";
import { useUrlText } from "~/url";
import { Banners } from "./Banners";
import { Footer } from "./Footer";
import { Header } from "./Header";
import { MainMenu } from "./MainMenu";
import { Failed, Waiting } from "./States";

const Palette = lazy(() => import("./Palette"));
const LogInPage = lazy(() => import("~/session/LogInPage"));

export function Framed() {
  const { session, failed } = useSessionState();
  if (session === undefined) return failed ? <Failed error={failed} /> : <Waiting />;
  if (session === null) return <Suspense fallback={<Waiting />}><LogInPage /></Suspense>;
  return <Frame key={session.email} />;
}

function Frame() {
  const { t } = useTranslation();
  const [opened, menu] = useDisclosure(false);
  const { pathname } = useLocation();
  const [customer] = useUrlText("customer");

  useEffect(() => menu.close(), [pathname]);
  useEffect(() => clearJournal, []); // once the person is gone
  useEffect(() => feedCache(), []);
  useEffect(() => stream.start(customer), [customer]);
  useEffect(() => () => stream.stop(), []);

  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 212, breakpoint: "sm", collapsed: { mobile: !opened } }} footer={{ height: 30 }} padding={0}>
      <a className="tg-skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
        {t("frame.skip")}
      </a>
      <AppShell.Header>
        <Header burger={<Burger opened={opened} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label={t("frame.menu")} />} />
      </AppShell.Header>
      <AppShell.Navbar aria-label={t("frame.menu")}>
        <MainMenu />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: "none" }}>
        <Banners />
        <Outlet />
      </AppShell.Main>
      <AppShell.Footer>
        <Footer />
      </AppShell.Footer>
      <Suspense>
        <Palette />
      </Suspense>
      <VisuallyHidden aria-live="polite" id="tg-said" />
    </AppShell>
  );
}
