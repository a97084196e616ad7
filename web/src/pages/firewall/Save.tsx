import { Button, CopyButton } from "@mantine/core";
import { IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

/** A text to copy, or to keep as a file. */
export function Save({ text, name, type }: { text: string; name: string; type: string }) {
  const { t } = useTranslation();
  return (
    <>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button variant="default" onClick={copy} leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}>
            {t(copied ? "ui.copied" : "ui.copy")}
          </Button>
        )}
      </CopyButton>
      <Button leftSection={<IconDownload size={15} />} onClick={() => saveAs(text, name, type)}>
        {t("firewall.save_file")}
      </Button>
    </>
  );
}

/** Hands the browser a file. */
export function saveAs(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, "-");
  link.click();
  URL.revokeObjectURL(url);
}
