// A switch's or a destination's list of header edits as it is saved, tried on a request.

import { SegmentedControl, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useCustomer } from "~/frame/CustomerFilter";
import { Form } from "~/ui/Form";
import { RefField } from "~/ui/fields";
import { useUrl } from "~/url";
import { HeaderTest } from "./HeaderTest";

export function SavedHeaders() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [url, setUrl] = useUrl();
  const of = url.of === "destination" ? "destination" : "switch";
  const id = Number(url.id) || 0;
  const field = of === "switch" ? "switch_id" : "destination_id";
  return (
    <Stack gap="md">
      <SegmentedControl aria-label={t("headers.whose")} value={of} onChange={(v) => setUrl({ of: v, id: undefined }, { replace: true })} style={{ alignSelf: "start" }}
        data={[{ value: "switch", label: t("switches.one") }, { value: "destination", label: t("destinations.one") }]} />
      <Form ns="headers" draft={{ [field]: id }} onChange={(draft) => setUrl({ id: draft[field] ? String(draft[field]) : undefined }, { replace: true })}>
        {of === "switch" ? <RefField key={of} name="switch_id" path="switches" query={{ customer }} /> : <RefField key={of} name="destination_id" path="destinations" query={{ customer }} />}
      </Form>
      {id ? <HeaderTest edits={{ [field]: id }} /> : <Text size="sm" c="dimmed">{t("headers.choose")}</Text>}
    </Stack>
  );
}
