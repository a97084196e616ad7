import { texts } from "./texts";

export default texts(import.meta.glob<{ default: object }>("./it/*.json", { eager: true }));
