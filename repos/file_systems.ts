/**
 * What kind of file system a device number stands for.
 *
 * @module
 */

/** File systems of this machine that set the times of a folder whenever an entry is made or removed. */
const KEEP_TIMES: ReadonlySet<string> = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "f2fs",
  "tmpfs",
  "overlay",
]);

const MOUNTS = "/proc/self/mountinfo";

/** The types of the mounted file systems by their device number, as far as they are known. */
let types: ReadonlyMap<number, string> = new Map();

/**
 * Whether a file system can be relied on to set the times of a folder when an entry is made or removed there.
 *
 * @param device Its number, as `Deno.stat` gives it.
 * @returns True only if that is known: not for file systems of a network, and not where nobody may be asked.
 */
export function keepsTimes(device: number): boolean {
  if (!types.has(device)) types = mountedTypes();
  return KEEP_TIMES.has(types.get(device) ?? "");
}

/** Read from a table of the kernel; see proc_pid_mountinfo(5). */
function mountedTypes(): Map<number, string> {
  const mounted = new Map<number, string>();
  if (Deno.build.os !== "linux") return mounted;
  if (Deno.permissions.querySync({ name: "read", path: MOUNTS }).state !== "granted") {
    return mounted;
  }
  for (const line of Deno.readTextFileSync(MOUNTS).split("\n")) {
    const [place = "", kind = ""] = line.split(" - ");
    const [major = NaN, minor = NaN] = (place.split(" ")[2] ?? "").split(":").map(Number);
    // How makedev(3) puts the two into one number.
    const device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xff) << 12;
    mounted.set(device, kind.split(" ")[0] ?? "");
  }
  return mounted;
}
