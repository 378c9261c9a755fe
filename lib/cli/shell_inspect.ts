/**
 * How tasks and repositories look in the shell.
 *
 * @module
 */

import { Repository } from "../repository.ts";
import { Task } from "../task.ts";

/** What `Deno.inspect` and the console ask an object for. */
const INSPECT = Symbol.for("Deno.customInspect");

/** Shows a value, with the help of what shows its parts. */
type Show = (value: unknown, inspect: (part: unknown) => string) => string;

/**
 * Makes tasks and repositories be shown as people know them, also within other values: by what they are called, and a
 * task with its links. What they are made of is of no use there.
 *
 * @returns Ends it.
 */
export function showNames(): Disposable {
  const cleanup = new DisposableStack();
  function teach(prototype: object, show: Show): void {
    Object.defineProperty(prototype, INSPECT, {
      configurable: true,
      value(this: object, inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
        // Prototypes have no names yet.
        if (Object.hasOwn(this, "constructor")) return `[${this.constructor.name}]`;
        return show(this, (part) => inspect(part, options));
      },
    });
    cleanup.defer(() => void Reflect.deleteProperty(prototype, INSPECT));
  }
  teach(Repository.prototype, (repository) => `${repository}`);
  teach(Task.prototype, (task, inspect) => {
    if (!(task instanceof Task)) return `${task}`;
    const links = Array.from(task.links, ([name, { repo }]) => [name, repo] as const);
    return `${task} ${inspect(Object.fromEntries(links))}`;
  });
  return cleanup;
}
