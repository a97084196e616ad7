import { SegmentedControl } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Page } from "~/ui/Page";
import { ResourceList } from "~/ui/ResourcePage";
import { useUrl } from "~/url";
import { destinations, groups } from "./resource";

export default function Destinations() {
  const { t } = useTranslation();
  const [url, setUrl] = useUrl();
  const tab = url.tab === "groups" ? "groups" : "destinations";
  return (
    <Page title={t(`${tab}.title`)}>
      <SegmentedControl mb="sm" aria-label={t("destinations.title")} value={tab} onChange={(v) => setUrl({ tab: v === "groups" ? v : undefined, q: undefined, edit: undefined })}
        data={[{ value: "destinations", label: t("destinations.title") }, { value: "groups", label: t("groups.title") }]} />
      {tab === "groups" ? <ResourceList key="groups" resource={groups} height="calc(100dvh - 240px)" /> : <ResourceList key="destinations" resource={destinations} height="calc(100dvh - 240px)" />}
    </Page>
  );
}
