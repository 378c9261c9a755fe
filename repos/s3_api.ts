/**
 * What the repositories need of an S3 client: a part of the class `S3` of the AWS SDK, as far as they call it.
 *
 * @module
 */

/** Names an object. */
export interface S3ObjectName {
  /** The bucket. */
  readonly Bucket: string;
  /** The key in it. */
  readonly Key: string;
}

/** Names an upload in parts. */
export interface S3UploadName extends S3ObjectName {
  /** Its id. */
  readonly UploadId: string;
}

/** Names a new object, and tells of which kind it is. */
export interface S3NewObject extends S3ObjectName {
  /** Its MIME type. */
  readonly ContentType: string;
  /** What is kept beside it. */
  readonly Metadata?: Record<string, string>;
}

/** A part of an upload that the server has. */
export interface S3Part {
  /** Its entity tag. */
  readonly ETag?: string | undefined;
  /** Its place: 1 to 10,000. */
  readonly PartNumber: number;
}

/** A page of a listing. Without any of `Name`, `KeyCount`, `IsTruncated` and `Contents`, it is not taken for an answer of S3. */
export interface S3Page {
  /** The bucket. */
  readonly Name?: string | undefined;
  /** How many keys there are on the page. */
  readonly KeyCount?: number | undefined;
  /** The objects. */
  readonly Contents?: readonly { readonly Key?: string | undefined }[] | undefined;
  /** `url` if the keys are encoded as in URLs. */
  readonly EncodingType?: string | undefined;
  /** Whether there are more pages. */
  readonly IsTruncated?: boolean | undefined;
  /** Where the next one begins. */
  readonly NextContinuationToken?: string | undefined;
}

/** A page of a listing of uploads. */
export interface S3UploadsPage {
  /** The uploads. */
  readonly Uploads?:
    | readonly {
      readonly Key?: string | undefined;
      readonly UploadId?: string | undefined;
      readonly Initiated?: Date | undefined;
    }[]
    | undefined;
  /** Whether there are more pages. */
  readonly IsTruncated?: boolean | undefined;
  /** Where the next one begins. */
  readonly NextKeyMarker?: string | undefined;
  /** Where the next one begins. */
  readonly NextUploadIdMarker?: string | undefined;
}

/** What is known of an object. */
export interface S3Head {
  /** Changes with its bytes. Without it, this is not taken for an answer of S3. */
  readonly ETag?: string | undefined;
  /** What is kept beside it. */
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
}

/** An object on its way. */
export interface S3Answer extends S3Head {
  /** Its bytes. */
  readonly Body?: { transformToWebStream(): ReadableStream<Uint8Array> } | undefined;
  /** How many bytes there are in the body. */
  readonly ContentLength?: number | undefined;
}

/** Options of each request. */
export interface S3RequestOptions {
  /** Ends the request. */
  readonly abortSignal?: AbortSignal;
}

/** Where a server is. */
export interface S3Endpoint {
  /** `https:` or `http:`. */
  readonly protocol: string;
  /** The host. */
  readonly hostname: string;
  /** The port, if it is not the usual one. */
  readonly port?: number | undefined;
  /** The path beneath which it answers. */
  readonly path: string;
}

/**
 * A client of S3 or of something that speaks like it. An `S3` of the AWS SDK is one, and `s3Client` of
 * `@datatask/datatask/s3` makes one. Errors are told apart by `name`, which is the code of the error, and by
 * `$metadata.httpStatusCode`.
 */
export interface S3Client {
  /** What it was made with. */
  readonly config?: {
    /** Where the server is, if it is not that of AWS. */
    endpoint?: (() => Promise<S3Endpoint>) | undefined;
    /** The region. */
    region?: (() => Promise<string>) | undefined;
  };
  /** Lists a page of keys. */
  listObjectsV2(
    input: {
      readonly Bucket: string;
      readonly Prefix: string;
      readonly Delimiter?: string;
      readonly EncodingType?: "url";
      readonly ContinuationToken?: string;
      readonly MaxKeys?: number;
    },
  ): Promise<S3Page>;
  /** Tells whether a bucket is there. */
  headBucket(input: { readonly Bucket: string }): Promise<unknown>;
  /** Makes a bucket. */
  createBucket(input: { readonly Bucket: string }): Promise<unknown>;
  /** Tells whether an object is there. */
  headObject(input: S3ObjectName): Promise<S3Head>;
  /** Begins to read an object. */
  getObject(
    input: S3ObjectName & { readonly Range?: string; readonly IfMatch?: string },
    options?: S3RequestOptions,
  ): Promise<S3Answer>;
  /** Writes an object. */
  putObject(
    input: S3NewObject & { readonly Body: Uint8Array; readonly IfNoneMatch?: string },
  ): Promise<unknown>;
  /** Deletes an object. */
  deleteObject(input: S3ObjectName): Promise<unknown>;
  /** Begins to write an object in parts. */
  createMultipartUpload(input: S3NewObject): Promise<{ readonly UploadId?: string | undefined }>;
  /** Writes a part. */
  uploadPart(
    input: S3UploadName & { readonly PartNumber: number; readonly Body: Uint8Array },
    options?: S3RequestOptions,
  ): Promise<{ readonly ETag?: string | undefined }>;
  /** Makes an object of the parts. */
  completeMultipartUpload(
    input: S3UploadName & { readonly MultipartUpload: { readonly Parts: S3Part[] } },
  ): Promise<{ readonly ETag?: string | undefined }>;
  /** Gives the parts up. */
  abortMultipartUpload(input: S3UploadName): Promise<unknown>;
  /** Lists a page of uploads that are under way. */
  listMultipartUploads(
    input: {
      readonly Bucket: string;
      readonly Prefix: string;
      readonly KeyMarker?: string;
      readonly UploadIdMarker?: string;
    },
  ): Promise<S3UploadsPage>;
}
