// The double's process, as `start` describes it: server.mjs DIR

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin } from './calls.mjs';
import { control } from './control.mjs';
import { Elsewhere } from './elsewhere.mjs';
import { bend, deliver } from './faults.mjs';
import { tenantOf } from './graph/authorization.mjs';
import { GraphError } from './graph/error.mjs';
import { answerGraph } from './graph/index.mjs';
import { Exchange, send } from './http.mjs';
import { answerIdentity } from './identity/index.mjs';
import { SignInError } from './identity/error.mjs';
import { open, runIn } from './listening.mjs';
import { Tenants } from './tenants.mjs';

/**
 * Listens on ports of its own, on one of them in TLS where a folder has a pair for it; what is returned
 * names them and closes them.
 */
export async function listen(folder) {
    const tenants = new Tenants();
    const elsewhere = new Elsewhere();
    const world = { tenants, elsewhere };
    const answerOne = (request, response) => serve(world, new Exchange(request), response);
    const opened = await Promise.all([
        open(answerOne),
        open((request, response) => elsewhere.take(request, response)),
        ...(folder ? [open(answerOne, pairIn(folder))] : []),
    ]);
    const [main, other, secure] = opened;
    world.address = {
        graph: main.address,
        login: main.address,
        control: `${main.address}/control`,
        elsewhere: other.address,
        tls: secure?.address,
    };
    const close = () => Promise.all(opened.map((one) => one.close()));
    return { address: world.address, close };
}

function pairIn(folder) {
    const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(join(folder, name)));
    return { key, cert };
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

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runIn(process.argv[2], listen);
