import { register } from 'node:module'

/**
 * Starts OpenTelemetry for this process and returns a function that shuts it down. Spans of HTTP, gRPC and MongoDB are exported
 * by OTLP over HTTP to OTEL_EXPORTER_OTLP_ENDPOINT. The SDK is only loaded by this call, which must precede the import of the
 * instrumented modules.
 */
export async function startTelemetry(serviceName: string): Promise<() => Promise<void>> {
  // Instruments ES modules; without it spans of gRPC are missing.
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
  const [{ NodeSDK }, http, grpc, mongodb] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-grpc'),
    import('@opentelemetry/instrumentation-mongodb'),
  ])
  const sdk = new NodeSDK({
    serviceName,
    // undici is not instrumented: traceHeaders already sets traceparent, and a second one would invalidate both.
    instrumentations: [
      new http.HttpInstrumentation({
        ignoreIncomingRequestHook: ({ url }) => url === '/healthz' || url === '/readyz' || url === '/metrics',
      }),
      new grpc.GrpcInstrumentation(),
      new mongodb.MongoDBInstrumentation(),
    ],
  })
  sdk.start()
  return () => sdk.shutdown()
}
