// Graph: finds the route of a call, checks the caller, and lets the route answer.

import { callerRoles, demand } from './authorization.mjs';
import { DEVICE_ROUTES } from './devices.mjs';
import { GraphError } from './error.mjs';
import { GROUP_ROUTES } from './groups.mjs';
import { MAIL_ROUTES } from './mail.mjs';
import { MANAGED_DEVICE_ROUTES } from './managed-devices.mjs';
import { RECOVERY_KEY_ROUTES } from './recovery-keys.mjs';
import { USER_ROUTES } from './users.mjs';

// A route is { route: "METHOD /path/{id}", roles, refusal, answer }, and `only` where it is in one
// version alone. `answer` gets the parts of the path that are in braces by name.
const ROUTES = [
    ...RECOVERY_KEY_ROUTES,
    ...DEVICE_ROUTES,
    ...USER_ROUTES,
    ...GROUP_ROUTES,
    ...MANAGED_DEVICE_ROUTES,
    ...MAIL_ROUTES,
].map((route) => {
    const [method, path] = route.route.split(' ');
    return { ...route, method, segments: path.split('/').slice(1) };
});

/** Answers a call under /v1.0 or /beta. */
export async function answerGraph(world, tenant, exchange) {
    try {
        const roles = await callerRoles(world, tenant, exchange);
        const { route, parts } = find(exchange);
        demand(roles, route.roles, route.refusal);
        return await route.answer({ world, tenant, exchange, roles, ...parts });
    } catch (error) {
        if (!(error instanceof GraphError)) throw error;
        return error.answer(exchange);
    }
}

function find(exchange) {
    const [version, ...path] = exchange.segments().flatMap(opened);
    const matches = ROUTES.filter(({ only = version }) => only === version)
        .map((route) => ({ route, parts: match(route.segments, path) }))
        .filter(({ parts }) => parts);
    if (matches.length === 0)
        throw GraphError.badRequest(`Resource not found for the segment '${path.at(-1) ?? ''}'.`);
    const found = matches.find(({ route }) => route.method === exchange.method);
    if (!found)
        throw new GraphError(
            405,
            'Request_BadRequest',
            'Specified HTTP method is not allowed for the request target.',
        );
    return found;
}

/** `users('x')` is another way to write `users/x`. */
function opened(segment) {
    const [, name, key] = /^(\w+)\((.+)\)$/.exec(segment) ?? [];
    return name ? [name, key.replace(/^'(.*)'$/, '$1')] : [segment];
}

function match(segments, path) {
    if (segments.length !== path.length) return undefined;
    const parts = {};
    for (const [at, segment] of segments.entries()) {
        const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
        if (name) parts[name] = path[at];
        else if (segment !== path[at]) return undefined;
    }
    return parts;
}
