# One file for every service: docker build --build-arg SERVICE=order-service .
ARG BASE_IMAGE=node:24-bookworm-slim

# The manifests of all workspaces alone: an edit of a source file changes none of them, so the installs below stay cached.
FROM ${BASE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN mkdir /manifests && cp --parents package.json package-lock.json .npmrc */package.json */*/package.json /manifests \
  && cp -r /manifests /production-manifests && node tools/production-manifests.mjs /production-manifests

# Compiles all services; shared by their images.
FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /manifests ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY . .
RUN npx react-router typegen apps/storefront && npx tsc -b $(ls -d apps/*/tsconfig.json) && npx react-router build apps/storefront

# The production dependencies of one service, and of the workspace packages that it depends on. npm links those packages below
# node_modules/@halles; every other workspace is removed.
FROM ${BASE_IMAGE} AS dependencies
ARG SERVICE
RUN test -n "$SERVICE" || (echo "Name the service: --build-arg SERVICE=order-service" && exit 1)
WORKDIR /app
COPY --from=manifests /production-manifests ./
RUN --mount=type=cache,target=/root/.npm \
  npm ci --no-audit --no-fund --workspace "@halles/$SERVICE" --include-workspace-root=false \
  && rm -rf tools package-lock.json .npmrc \
  && for folder in apps/* packages/*; do \
    test -e "node_modules/@halles/$(basename "$folder")" || rm -rf "$folder"; \
  done

# Their compiled code and what it reads at run time.
FROM dependencies AS compiled
ARG SERVICE
RUN --mount=type=bind,from=build,source=/app,target=/build \
  for folder in apps/* packages/*; do mkdir -p "/out/$folder" && cp -r "/build/$folder/dist" "/out/$folder/"; done \
  && cd "/build/apps/$SERVICE" && find . -maxdepth 1 \( -name "*.graphql" -o -name operations -o -name images -o -name build \) -exec cp -r -t "/out/apps/$SERVICE/" {} +

FROM ${BASE_IMAGE}
ARG SERVICE
# Operator endpoints have a port of their own, which is not published with the other.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 OPERATOR_PORT=8081 MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=dependencies --chown=root:root /app /app
COPY --from=compiled --chown=root:root /out /app
WORKDIR /app/apps/${SERVICE}
USER node
EXPOSE 8080
# Checked with bash, which starts in a tenth of the time of node. On a machine without free CPU even that takes seconds, and
# a start minutes; on a fast machine neither limit is reached.
HEALTHCHECK --interval=3s --timeout=10s --start-period=3m --retries=5 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$OPERATOR_PORT; printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; read -r _ status _ <&3; [ \"$status\" = 200 ]"]
CMD ["node", "--max-semi-space-size=8", "--expose-gc", "--disable-warning=TimeoutNegativeWarning", "dist/main.js"]
