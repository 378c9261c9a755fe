/**
 * Processes that tests of executors start, by their environment.
 *
 * @module
 */

/**
 * The processes in whose environment a variable has a value.
 *
 * @param variable Its name.
 * @param value Its value.
 * @returns Their numbers.
 */
export function processesWith(variable: string, value: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/environ`).includes(`${variable}=${value}`);
    } catch { // no process, or one that has just ended
      return false;
    }
  });
}
