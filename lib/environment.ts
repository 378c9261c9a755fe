/**
 * Variables of the environment.
 *
 * @module
 */

/**
 * A variable of the environment, where the program may read it: nobody is asked for permission for what it could do
 * without.
 *
 * @param name Its name.
 * @returns Its value; undefined if it has none, or may not be read.
 */
export function environment(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
