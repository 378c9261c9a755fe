/**
 * Tells mistyped keys from keys that are absent.
 *
 * @module
 */

import type { Engine } from "../engine/engine.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Refuses a key that no repository of the pipeline holds.
 *
 * @param engine The engine, which has looked.
 * @param job The key.
 * @throws {UsageError} If it is nowhere, and all repositories could be listed. The message suggests a key.
 */
export function checkKnown(engine: Engine, job: string): void {
  const id = engine.keys.space.find(job);
  const known = engine.keys.stored.some(({ set }) => set.has(id)) ||
    engine.states.some(({ live, ended, untaken }) =>
      live.has(id) || ended.has(id) || untaken.has(id)
    );
  if (known || engine.unreachable().length > 0) return;
  throw new UsageError(
    `No repository of the pipeline holds a key "${job}"${didYouMean(job, names(engine))}`,
  );
}

function* names({ keys: { space } }: Engine): Generator<string, void, undefined> {
  for (let id = 0; id < space.size; id++) yield space.name(id);
}
