// What the pages say.
import { texts } from "./texts";

export default texts(import.meta.glob<{ default: object }>(["./en/*.json", "!./en/{frame,kind,menu,session,transparent,ui}.json"], { eager: true }));
