// Every page, in the order of the menu: the sections in the words of the work, and set-up in the order in
// which a call meets it. A page is src/pages/<folder>/index.tsx with a default export; a folder that is not
// there yet is in no menu.

import {
  IconActivity, IconAddressBook, IconAlertTriangle, IconArrowsSplit, IconBan, IconBuilding, IconCalculator, IconDeviceLandlinePhone, IconEyeOff,
  IconGauge, IconHash, IconHeartbeat, IconHistory, IconHome, IconKey, IconListSearch, IconNumbers, IconPhoneCall, IconPlugConnected,
  IconSearch, IconServer, IconServer2, IconShieldCheck, IconShieldHalf, IconSpy, IconTestPipe, IconTrafficLights, IconUserQuestion, IconUsers, IconUsersGroup,
  IconWorldWww,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Role } from "~/api/session";
import { loadPageTexts } from "~/i18n";

export interface PageSpec {
  path: string;
  folder: string;
  section?: Section;
  label: string; // a text's key
  icon?: ComponentType<{ size?: number; stroke?: number }>;
  roles?: Role[]; // who has it in the menu; everybody where absent
}

export type Section = "now" | "find" | "customers" | "protection" | "platform" | "portal";

export const sections: { id: Section; label: string }[] = [
  { id: "portal", label: "menu.portal" },
  { id: "now", label: "menu.now" },
  { id: "find", label: "menu.find" },
  { id: "customers", label: "menu.customers" },
  { id: "protection", label: "menu.protection" },
  { id: "platform", label: "menu.platform" },
];

const staff: Role[] = ["platform", "company"];
const portal: Role[] = ["customer"];

export const pages: PageSpec[] = [
  { path: "/", folder: "home", label: "menu.home" }, // sends to the role's first page
  { path: "/account", folder: "account", section: "portal", label: "menu.account", icon: IconHome, roles: portal },
  { path: "/phones", folder: "phones", section: "portal", label: "menu.phones", icon: IconUsers, roles: portal },
  { path: "/my-calls", folder: "my-calls", section: "portal", label: "menu.my_calls", icon: IconListSearch, roles: portal },

  { path: "/overview", folder: "overview", section: "now", label: "menu.overview", icon: IconGauge, roles: staff },
  { path: "/calls", folder: "calls", section: "now", label: "menu.calls", icon: IconPhoneCall },
  { path: "/registrations", folder: "registrations", section: "now", label: "menu.registrations", icon: IconDeviceLandlinePhone },
  { path: "/health", folder: "health", section: "now", label: "menu.health", icon: IconHeartbeat },

  { path: "/find", folder: "find", section: "find", label: "menu.search", icon: IconSearch, roles: staff },
  { path: "/cdrs", folder: "cdrs", section: "find", label: "menu.cdrs", icon: IconListSearch, roles: staff },
  { path: "/decisions", folder: "decisions", section: "find", label: "menu.decisions", icon: IconActivity, roles: staff },
  { path: "/call/$id", folder: "call", label: "menu.call" }, // its id: of a live call, a CDR, a decision

  { path: "/customers", folder: "customers", section: "customers", label: "menu.customer_list", icon: IconUsersGroup, roles: staff },
  { path: "/domains", folder: "domains", section: "customers", label: "menu.domains", icon: IconWorldWww },
  { path: "/switches", folder: "switches", section: "customers", label: "menu.switches", icon: IconPlugConnected },
  { path: "/sip-users", folder: "sip-users", section: "customers", label: "menu.sip_users", icon: IconUsers, roles: staff },
  { path: "/sip-profiles", folder: "sip-profiles", section: "customers", label: "menu.sip_profiles", icon: IconAddressBook, roles: staff },
  { path: "/firewall", folder: "firewall", section: "customers", label: "menu.firewall", icon: IconShieldHalf },
  { path: "/numbers", folder: "numbers", section: "customers", label: "menu.numbers", icon: IconNumbers },
  { path: "/blocklist", folder: "blocklist", section: "customers", label: "menu.blocklist", icon: IconHash },
  { path: "/routing", folder: "routing", section: "customers", label: "menu.routing", icon: IconArrowsSplit },
  { path: "/destinations", folder: "destinations", section: "customers", label: "menu.destinations", icon: IconServer2 },
  { path: "/simulator", folder: "simulator", section: "customers", label: "menu.simulator", icon: IconTestPipe },
  { path: "/tools", folder: "tools", section: "customers", label: "menu.tools", icon: IconCalculator },

  { path: "/bans", folder: "bans", section: "protection", label: "menu.bans", icon: IconBan },
  { path: "/whitelist", folder: "whitelist", section: "protection", label: "menu.whitelist", icon: IconShieldCheck },
  { path: "/strangers", folder: "strangers", section: "protection", label: "menu.strangers", icon: IconUserQuestion, roles: staff },
  { path: "/antifraud", folder: "antifraud", section: "protection", label: "menu.antifraud", icon: IconSpy },
  { path: "/limits", folder: "limits", section: "protection", label: "menu.limits", icon: IconTrafficLights, roles: staff },
  { path: "/transparent", folder: "transparent", section: "protection", label: "menu.transparent", icon: IconEyeOff, roles: staff },

  { path: "/companies", folder: "companies", section: "platform", label: "menu.companies", icon: IconBuilding, roles: staff },
  { path: "/users", folder: "users", section: "platform", label: "menu.users", icon: IconUsers },
  { path: "/keys", folder: "keys", section: "platform", label: "menu.keys", icon: IconKey },
  { path: "/requests", folder: "requests", section: "platform", label: "menu.requests", icon: IconAlertTriangle, roles: staff },
  { path: "/audit", folder: "audit", section: "platform", label: "menu.audit", icon: IconHistory },
  { path: "/node", folder: "node", section: "platform", label: "menu.node", icon: IconServer, roles: ["platform"] },

  { path: "/me", folder: "me", label: "menu.me" },
  { path: "/help", folder: "help", label: "menu.help" },
];

/** Pages without a log-in and without the frame around them. */
export const openPages: PageSpec[] = [
  { path: "/setup/$token", folder: "setup", label: "menu.setup" },
  { path: "/wall/$key", folder: "wall", label: "menu.wall" },
];

type PageModule = { default: ComponentType };

const modules = import.meta.glob<PageModule>("./pages/*/index.tsx");

/** How a page is loaded; undefined where it is not built yet. */
export function loaderOf(folder: string): (() => Promise<PageModule>) | undefined {
  const load = modules[`./pages/${folder}/index.tsx`];
  return load && (async () => (await Promise.all([load(), loadPageTexts()]))[0]);
}

/** The menu of a role. */
export function menuOf(role: Role): { id: Section; label: string; pages: PageSpec[] }[] {
  return sections
    .map((section) => ({
      ...section,
      pages: pages.filter((page) => page.section === section.id && (!page.roles || page.roles.includes(role)) && loaderOf(page.folder)),
    }))
    .filter((section) => section.pages.length > 0);
}
