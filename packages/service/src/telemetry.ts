import { register } from 'node:module'

/**
 * Starts OpenTelemetry for this process and gives back how to end it: spans of HTTP, gRPC and MongoDB go
 * by OTLP over HTTP to the standard variable OTEL_EXPORTER_OTLP_ENDPOINT. Nothing of it is loaded unless this is called,
 * and it must be called before the modules that it watches are imported.
 */
export async function startTelemetry(serviceName: string): Promise<() => Promise<void>> {
  // Lets instrumentations see ES modules; without it gRPC's are lost.
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
  const [{ NodeSDK }, http, grpc, mongodb] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-grpc'),
    import('@opentelemetry/instrumentation-mongodb'),
  ])
  const sdk = new NodeSDK({
    serviceName,
    // None of undici: calls between services carry the trace by traceHeaders, and a second traceparent spoils both.
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
