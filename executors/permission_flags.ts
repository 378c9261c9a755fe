/**
 * Permissions as `deno run` takes them.
 *
 * @module
 */

/** A kind of permissions. */
export type PermissionKind = "read" | "write" | "net" | "env" | "run" | "ffi" | "sys" | "import";

/** The kinds of permissions. */
const KINDS: readonly PermissionKind[] = [
  "read",
  "write",
  "net",
  "env",
  "run",
  "ffi",
  "sys",
  "import",
];

/** What a process may do: all of a kind, or what the names say that `deno run` takes for it. What is not named is denied. */
export type ExecutorPermissions = {
  readonly [Kind in PermissionKind]?: boolean | readonly string[];
};

/**
 * The flags of `deno run` for some permissions.
 *
 * @param permissions The permissions; undefined for those that this program has without a question to the user.
 * @returns The flags.
 * @throws {TypeError} If a name has a comma, which separates names.
 */
export function permissionFlags(permissions: ExecutorPermissions | undefined): string[] {
  const given = permissions ?? ownPermissions();
  if (permissions === undefined && KINDS.every((kind) => given[kind] === true)) {
    return ["--allow-all"];
  }
  return KINDS.flatMap((kind) => {
    const value = given[kind] ?? false;
    if (typeof value === "boolean") return value ? [`--allow-${kind}`] : [];
    const comma = value.find((name) => name.includes(","));
    if (comma !== undefined) {
      throw new TypeError(
        `Cannot permit "${comma}": a name has no comma; give each name by itself`,
      );
    }
    return value.length === 0 ? [] : [`--allow-${kind}=${value.join(",")}`];
  });
}

/** What this program may do. Of a kind of which it may do a part only, the part cannot be told. */
function ownPermissions(): ExecutorPermissions {
  const all = KINDS.map((name) => [name, Deno.permissions.querySync({ name }).state === "granted"]);
  return Object.fromEntries(all);
}
