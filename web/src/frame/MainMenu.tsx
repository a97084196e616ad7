import { ScrollArea } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { menuOf } from "~/pages";
import { useSession } from "~/session/SessionProvider";

export function MainMenu() {
  const { t } = useTranslation();
  const { role } = useSession();
  const { pathname } = useLocation();
  useEffect(() => {
    document.querySelector(".tg-menu-link[data-status=active]")?.scrollIntoView({ block: "nearest" });
  }, [pathname]);
  return (
    <ScrollArea type="auto" pb="md">
      {menuOf(role).map((section) => (
        <div key={section.id} role="group" aria-labelledby={`menu-${section.id}`}>
          <p className="tg-menu-section" id={`menu-${section.id}`}>
            {t(section.label)}
          </p>
          {section.pages.map(({ path, label, icon: Icon }) => (
            <Link key={path} to={path} className="tg-menu-link" activeOptions={{ includeSearch: false }}>
              {Icon && <Icon size={17} stroke={1.6} />}
              {t(label)}
            </Link>
          ))}
        </div>
      ))}
    </ScrollArea>
  );
}
