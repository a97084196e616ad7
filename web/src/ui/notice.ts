/** Says in a corner that something is done. What went wrong stands beside what was tried instead. */
export async function say(message: string): Promise<void> {
  const { notifications } = await import("@mantine/notifications");
  notifications.show({ message, color: "green", autoClose: 2500 });
}
