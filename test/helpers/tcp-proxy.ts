import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Stands between a client and a server on TCP and breaks connections at a moment that a test chooses: `onRequest` sees each
 * piece of bytes that the client sends.
 */
export interface TcpProxy {
  readonly port: number;
  /** Decides about bytes from the client; `pass` unless it is set. */
  onRequest: (bytes: Buffer) => Decision;
  close(): Promise<void>;
}

/**
 * - pass            hand them on
 * - drop            break the connection without handing them on: the server never sees them
 * - hang            keep the connection open and say nothing
 * - drop-answer     hand them on and break the connection when the answer comes: the server has done it
 */
export type Decision = 'pass' | 'drop' | 'hang' | 'drop-answer';

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    let dropAnswer = false;
    const end = () => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (bytes) => {
      const decision = proxy.onRequest(bytes);
      if (decision === 'drop') end();
      else if (decision !== 'hang') target.write(bytes);
      if (decision === 'drop-answer') dropAnswer = true;
    });
    target.on('data', (bytes) => {
      if (dropAnswer) end();
      else client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    onRequest: () => 'pass',
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
