/**
 * Quotas that are too small for a job, in words.
 *
 * @module
 */

import { type Resources, ResourceType } from "../resources.ts";

/** What a job would need that there is not, whatever else runs. */
export interface Shortage {
  /** Of what there is too little. */
  readonly lacking: ResourceType;
  /** What each job takes. */
  readonly needed: Resources;
  /** What there is for all jobs together. */
  readonly total: Resources;
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] as const;

/**
 * Says how much is needed, and of how much, and what to change.
 *
 * @param shortage What there is too little of.
 * @returns A sentence without its end, whose subject is the job or the quota.
 */
export function describeShortage({ lacking, needed, total }: Shortage): string {
  if (lacking === ResourceType.RATE) {
    return "the quota of its resources allows no launch at all; make it with Resources.parse(cpu, mem), " +
      "or with more launches";
  }
  const [need, all] = lacking === ResourceType.CPU
    ? [`${needed.cpu} CPU`, total.cpu]
    : memory(needed.mem, total.mem);
  return `it needs ${need}, and there ${
    Number.parseFloat(all) > 1 && lacking === ResourceType.CPU ? "are" : "is"
  } ${all} in all; lower its task's option jobResources, or raise the quota of its resources`;
}

/** Two amounts of memory, each with the unit in which it is easiest to read, unless that makes them look the same. */
function memory(needed: string, total: string): [string, string] {
  const [need, all] = [readable(needed), readable(total)];
  return need === all ? [`${needed} bytes of memory`, total] : [`${need} of memory`, all];
}

function readable(bytes: string): string {
  let amount = Number(bytes);
  let unit = 0;
  for (; amount >= 1024 && unit < UNITS.length - 1; unit++) amount /= 1024;
  const text = String(Number(amount.toFixed(2)));
  return text === "0" ? text : `${text} ${UNITS[unit]}`;
}
