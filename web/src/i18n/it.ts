// What the frame says.
import { texts } from "./texts";

export default texts(import.meta.glob<{ default: object }>("./it/{frame,kind,menu,session,transparent,ui}.json", { eager: true }));
