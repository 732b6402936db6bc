// The double's process, as `start` describes it: server.mjs DIR

import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin, numberConnection } from './calls.mjs';
import { control } from './control.mjs';
import { Elsewhere } from './elsewhere.mjs';
import { bend, deliver } from './faults.mjs';
import { tenantOf } from './graph/authorization.mjs';
import { GraphError } from './graph/error.mjs';
import { answerGraph } from './graph/index.mjs';
import { Exchange, send } from './http.mjs';
import { answerIdentity } from './identity/index.mjs';
import { SignInError } from './identity/error.mjs';
import { Tenants } from './tenants.mjs';

/** Listens on two ports of its own; what is returned names them and closes them. */
export async function listen() {
    const tenants = new Tenants();
    const elsewhere = new Elsewhere();
    const world = { tenants, elsewhere };
    const [main, other] = await Promise.all([
        open((request, response) => serve(world, new Exchange(request), response)),
        open((request, response) => elsewhere.take(request, response)),
    ]);
    world.address = {
        graph: main.address,
        login: main.address,
        control: `${main.address}/control`,
        elsewhere: other.address,
    };
    return { address: world.address, close: () => Promise.all([main.close(), other.close()]) };
}

async function serve(world, exchange, response) {
    const [first] = exchange.segments();
    if (first === 'control') return send(response, await control(world, exchange));
    return ['v1.0', 'beta'].includes(first)
        ? answer(exchange, response, tenantOf(world.tenants, exchange), {
              kind: 'graph',
              stranger: new GraphError(401, 'InvalidAuthenticationToken', 'Access token is empty.'),
              produce: (tenant) => answerGraph(world, tenant, exchange, response),
              failure: (code, message) => new GraphError(500, code, message),
          })
        : answer(exchange, response, world.tenants.get(first), {
              kind: exchange.path.endsWith('/token') ? 'token' : 'metadata',
              stranger: SignInError.unknownTenant(first),
              produce: (tenant) => answerIdentity(world, tenant, exchange, response),
              failure: (code, message) => new SignInError(500, code, 90033, message),
          });
}

async function answer(exchange, response, tenant, { kind, stranger, produce, failure }) {
    response.setHeader('request-id', exchange.requestId);
    response.setHeader('client-request-id', exchange.clientRequestId);
    if (!tenant) return send(response, stranger.answer(exchange));

    const end = begin(tenant, kind, exchange);
    if (tenant.settings.latencyMs) await sleep(tenant.settings.latencyMs);
    const answered = await bend(
        tenant.faults.take(exchange.label),
        () => produce(tenant),
        (code, message) => failure(code, message).answer(exchange).body,
    );
    end(answered);
    deliver(response, answered);
}

async function open(handle) {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
        Promise.resolve(handle(request, response)).catch((error) => {
            console.error(error);
            if (!response.headersSent)
                send(response, {
                    status: 500,
                    body: { error: { code: 'DoubleFailed', message: String(error) } },
                });
        });
    });
    server.on('connection', numberConnection);
    await new Promise((listening, failed) =>
        server.once('error', failed).listen(0, '127.0.0.1', listening),
    );
    const close = () =>
        new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
        });
    return { address: `http://127.0.0.1:${server.address().port}`, close };
}

async function main(folder) {
    const { address } = await listen();
    const unfinished = join(folder, 'address.json.part');
    writeFileSync(unfinished, JSON.stringify(address));
    renameSync(unfinished, join(folder, 'address.json'));
    for (const end of ['SIGTERM', 'SIGINT']) process.on(end, () => process.exit(0));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv[2]);
