import { texts } from "./texts";

export default texts(import.meta.glob<{ default: object }>("./en/*.json", { eager: true }));
