# Easel as a container: `docker build -t easel .`, or `docker compose up` with compose.yaml.
# The build needs the development tools; what runs has the dependencies only, no compiler, no root.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY scripts scripts
COPY src src
COPY tsconfig.json tsconfig.build.json ./
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
ENV NODE_ENV=production EASEL_DATA_DIR=/data EASEL_HTTP_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8288
# Alive: it answers. Whether it could run something is told by /health/ready, for what sends it requests.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8288/health/live').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node as the first process would not reap children and ignores signals without a handler; Easel handles SIGTERM itself.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["serve", "--json"]
