import "@mantine/notifications/styles.css";
import { Notifications } from "@mantine/notifications";

/** Where "saved" and the like appear. */
export default function Notices() {
  return <Notifications position="bottom-right" limit={4} />;
}

