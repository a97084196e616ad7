import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import { Confirm } from "~/ui/confirm";

/** Takes back what was asked for. */
export function Withdraw({ id }: { id: number }) {
  const { t } = useTranslation();
  const [sure, setSure] = useState(false);
  const run = async () => {
    await call("DELETE", `/requests/${id}`);
    await refresh("requests");
  };
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={() => setSure(true)}>{t("account.withdraw")}</Button>
      {sure && (
        <Confirm title={t("account.withdraw")} button={t("account.withdraw")} onConfirm={run} onClose={() => setSure(false)}>
          {t("account.withdraw_text")}
        </Confirm>
      )}
    </>
  );
}
