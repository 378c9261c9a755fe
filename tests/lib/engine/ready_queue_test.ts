import fc from "fast-check";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { KeySet } from "../../../lib/engine/key_set.ts";
import { ReadyQueue } from "../../../lib/engine/ready_queue.ts";

/** Small ids that are odd before even ones, the greater first. */
function order(a: number, b: number): number {
  return b % 2 - a % 2 || b - a;
}

function keySet(ids: Iterable<number>): KeySet {
  const set = new KeySet();
  for (const id of ids) set.add(id);
  return set;
}

const id = fc.nat({ max: 60 });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("push" as const), id }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("pop" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("fill" as const), ids: fc.array(id) }) },
);

Deno.test("ReadyQueue gives what waits in order, each once", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = new ReadyQueue(order);
    let plain = new Set<number>();
    for (const step of steps) {
      if (step.type === "push") {
        queue.push(step.id);
        plain.add(step.id);
      } else if (step.type === "fill") {
        queue.fill(keySet(step.ids));
        plain = new Set(step.ids);
      } else {
        queue.pop();
        plain.delete([...plain].sort(order)[0] ?? -1);
      }
      strictEqual(queue.size, plain.size);
      strictEqual(queue.peek(), [...plain].sort(order)[0]);
    }
    const rest: number[] = [];
    for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
      rest.push(next);
      queue.pop();
    }
    deepStrictEqual(rest, [...plain].sort(order));
  }));
});

Deno.test("ReadyQueue takes an id again that was taken out", () => {
  const queue = new ReadyQueue(order);
  queue.fill(keySet([1, 2]));
  queue.pop();
  queue.push(1);
  queue.push(1);
  strictEqual(queue.size, 2);
  strictEqual(queue.peek(), 1);
});
