/**
 * Makes clients of Kubernetes. Where the cluster is, and who asks, is found by the official client, which is loaded when
 * the first one is made; the requests are made by the platform.
 *
 * @module
 */

import { environment } from "../lib/environment.ts";
import { StoreError } from "../lib/errors.ts";
import { type KubeAccess, KubeHttp } from "./kube_http.ts";
import type { KubernetesClient } from "./pod_api.ts";

export type * from "./pod_api.ts";

/** Where a cluster is, by the names of the official client. */
export interface KubernetesCluster {
  /** The URL of the API server. */
  readonly server: string;
  /** The certificate by which it is known, in PEM and Base64. */
  readonly caData?: string | undefined;
  /** The file of that certificate, in PEM. */
  readonly caFile?: string | undefined;
  /** The proxy through which it is reached. */
  readonly proxyUrl?: string | undefined;
}

/** Who asks, by the names of the official client. */
export interface KubernetesUser {
  /** A bearer token. */
  readonly token?: string | undefined;
  /** The file of such a token, which is read again every minute. */
  readonly tokenFile?: string | undefined;
  /** A client certificate, in PEM and Base64. */
  readonly certData?: string | undefined;
  /** The file of that certificate, in PEM. */
  readonly certFile?: string | undefined;
  /** Its key, in PEM and Base64. */
  readonly keyData?: string | undefined;
  /** The file of its key, in PEM. */
  readonly keyFile?: string | undefined;
}

/** Options of {@linkcode kubernetesClient}. */
export interface KubernetesClientOptions {
  /**
   * A kubeconfig file. The files in `KUBECONFIG` of the environment, `~/.kube/config`, or in a pod its service account,
   * whichever is there first, if it is not given.
   */
  readonly file?: string | undefined;
  /** Which context of the kubeconfig. Its current one, if it is not given. */
  readonly context?: string | undefined;
  /** The cluster, in place of a kubeconfig. */
  readonly cluster?: KubernetesCluster | undefined;
  /** Who asks, with `cluster`. */
  readonly user?: KubernetesUser | undefined;
}

/** A client with connections that have to be closed. */
export interface OpenKubernetesClient extends KubernetesClient, Disposable {
  /** Closes the connections. */
  close(): void;
}

/**
 * Makes a client, which a session can hold as a resource. It connects when it is first used. Tokens in files, as those of
 * service accounts, are read again as they rotate, and programs that a kubeconfig names for logging in are run again when
 * what they gave has expired.
 *
 * A server without a valid certificate is refused, also if the kubeconfig says otherwise, unless Deno is run with
 * `--unsafely-ignore-certificate-errors`.
 *
 * @param options Where the cluster is, and who asks.
 * @returns The client. To be disposed of.
 * @throws {StoreError} If no cluster is known, or a file cannot be read.
 *
 * @example Usage
 * ```ts ignore
 * import { PodManager, Session } from "@datatask/datatask";
 * import { kubernetesClient } from "@datatask/datatask/kubernetes";
 *
 * const session = new Session();
 * const client = session.resource(() => kubernetesClient({ context: "cluster" }));
 * const pods = new PodManager("library", "default", client);
 * ```
 */
export async function kubernetesClient(
  options: KubernetesClientOptions = {},
): Promise<OpenKubernetesClient> {
  const { KubeConfig } = await import("@kubernetes/client-node").catch((error) => {
    throw new StoreError(
      `Cannot load the library @kubernetes/client-node: ${error.message}; see that the package can be reached`,
      { cause: error },
    );
  });
  const config = new KubeConfig();
  const { file, context, cluster, user } = options;
  try {
    if (cluster !== undefined) {
      const { tokenFile, ...rest } = given(user ?? {});
      config.loadFromClusterAndUser(
        { ...given(cluster), name: "cluster", skipTLSVerify: false },
        {
          ...rest,
          name: "user",
          ...tokenFile !== undefined &&
            { authProvider: { name: "tokenFile", config: { tokenFile } } },
        },
      );
    } else {
      const chosen = file ?? await homeConfig();
      if (chosen !== undefined) config.loadFromFile(chosen);
      else config.loadFromDefault();
    }
  } catch (error) {
    throw noCluster(error instanceof Error ? error.message : String(error), error);
  }
  if (context !== undefined) config.setCurrentContext(context);
  const found = config.getCurrentCluster();
  if (found === null) {
    const names = config.getContexts().map(({ name }) => name).join(", ");
    throw noCluster(
      `there is no context "${config.getCurrentContext()}" with a cluster, but these: ${names}`,
    );
  }
  if (found.server === "http://localhost:8080" && cluster === undefined) { // its guess, if there is nothing
    throw noCluster("there is no kubeconfig, and this is no pod of a cluster");
  }
  if (found.tlsServerName !== undefined) {
    throw noCluster(`tls-server-name is not supported; name the server as its certificate does`);
  }
  const credentials = async (): Promise<KubeAccess> => {
    const access: KubeAccess = {};
    await config.applyToHTTPSOptions(access);
    return access;
  };
  return new KubeHttp(found.server, found.proxyUrl, credentials);
}

/**
 * The kubeconfig in the home folder, if it is there and none is named. The official client would look for it, too, but
 * with a permission to read the whole folder, and to know who the user is.
 */
async function homeConfig(): Promise<string | undefined> {
  const home = environment("HOME");
  if (home === undefined || environment("KUBECONFIG")) return undefined;
  const file = `${home}/.kube/config`;
  try {
    await Deno.stat(file);
    return file;
  } catch {
    return undefined; // not there, or not to be seen: the cluster may be found otherwise
  }
}

function noCluster(happened: string, cause?: unknown): StoreError {
  return new StoreError(
    `Cannot tell where the Kubernetes cluster is: ${happened}; set KUBECONFIG, or give the options file, context or cluster`,
    { cause },
  );
}

/** The options that are given: one that is undefined is not. */
function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
