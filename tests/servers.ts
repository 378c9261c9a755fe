/**
 * The real servers that tests talk to, from the variables that `scripts/servers` prints.
 *
 * Without its variables a test of a server is ignored, but in CI it fails: a missing server there is a fault.
 */

/** A server that a test needs. */
export interface Server<Name extends string> {
  /** For `Deno.test`: whether to leave the test out. */
  readonly ignore: boolean;
  /** How to reach the server. Throws when it is not there. */
  readonly variables: Readonly<Record<Name, string>>;
}

function server<Name extends string>(title: string, names: Record<Name, string>): Server<Name> {
  const entries = Object.entries<string>(names);
  const missing = entries.map(([, variable]) => variable).filter((variable) =>
    !Deno.env.get(variable)
  );
  return {
    ignore: missing.length > 0 && !Deno.env.get("CI"),
    get variables() {
      if (missing.length > 0) {
        throw new Error(
          `Cannot reach the ${title}: ${
            missing.join(", ")
          } not set; start it as scripts/servers/README.md says`,
        );
      }
      return Object.fromEntries(
        entries.map(([name, variable]) => [name, Deno.env.get(variable) ?? ""]),
      ) as Record<Name, string>;
    },
  };
}

export const s3Server: Server<"endpoint" | "region" | "key" | "secret"> = server("S3 server", {
  endpoint: "DATATASK_TEST_S3_ENDPOINT",
  region: "DATATASK_TEST_S3_REGION",
  key: "DATATASK_TEST_S3_KEY",
  secret: "DATATASK_TEST_S3_SECRET",
});

export const mongoServer: Server<"url"> = server("MongoDB server", {
  url: "DATATASK_TEST_MONGO_URL",
});

export const registryServer: Server<"host" | "user" | "password"> = server("container registry", {
  host: "DATATASK_TEST_REGISTRY",
  user: "DATATASK_TEST_REGISTRY_USER",
  password: "DATATASK_TEST_REGISTRY_PASSWORD",
});

export const sshServer: Server<"host" | "port" | "user" | "key" | "knownHosts" | "directory"> =
  server("SSH server", {
    host: "DATATASK_TEST_SSH_HOST",
    port: "DATATASK_TEST_SSH_PORT",
    user: "DATATASK_TEST_SSH_USER",
    key: "DATATASK_TEST_SSH_KEY",
    knownHosts: "DATATASK_TEST_SSH_KNOWN_HOSTS",
    directory: "DATATASK_TEST_SSH_DIR",
  });

export const kubeServer: Server<"config" | "mode" | "image" | "denoImage"> = server(
  "Kubernetes cluster",
  {
    config: "KUBECONFIG",
    mode: "DATATASK_TEST_KUBE_MODE",
    image: "DATATASK_TEST_KUBE_IMAGE",
    denoImage: "DATATASK_TEST_KUBE_DENO_IMAGE",
  },
);
