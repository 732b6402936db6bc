// What users, devices and groups have in common: lists, single objects, and links between them.

import { GraphError } from './error.mjs';
import { allow, filtered, page, selected, shape } from './odata.mjs';
import { CONTACT, DEVICE, GROUP, USER } from './types.mjs';

export const DIRECTORY_REFUSAL = {
    code: 'Authorization_RequestDenied',
    message: 'Insufficient privileges to complete the operation.',
};
const TYPES = [USER, DEVICE, GROUP, CONTACT];
const ADVANCED = "the header 'ConsistencyLevel: eventual' and $count=true";
const LIST_OPTIONS = ['$select', '$filter', '$top', '$count', '$skiptoken'];

/**
 * The routes of one type. `find` looks an object up by what stands in the path; `relations` are
 * functions of the type's own part, as `links` makes them.
 */
export function directoryObject(type, fields, find, relations) {
    const base = { roles: type.roles, refusal: DIRECTORY_REFUSAL };
    const path = `/${type.collection}`;
    const existing = (tenant, id) => {
        const found = find(tenant, id);
        if (!found) throw GraphError.notFound(id);
        return found;
    };
    const list = ({ world, tenant, exchange }) => {
        allow(exchange, ...LIST_OPTIONS);
        const names = selected(exchange);
        const filter = exchange.query.get('$filter');
        if (type.advanced?.some((name) => filter?.includes(name)) && !isAdvanced(exchange))
            throw GraphError.unsupported(`This filter needs ${ADVANCED}.`);
        const objects = filtered(tenant[type.collection], filter, fields);
        return page(
            world,
            tenant,
            exchange,
            type.collection,
            objects.map((object) => shape(type, object, names)),
        );
    };
    const get = ({ world, tenant, exchange, id }) => {
        allow(exchange, '$select');
        return entity(world, type, existing(tenant, id), selected(exchange));
    };
    return [
        { ...base, route: `GET ${path}`, answer: list },
        { ...base, route: `GET ${path}/{id}`, answer: get },
        ...relations.flatMap((relation) => relation(path, base, existing)),
    ];
}

/** A relation with many ends: `targets` gives their ids. A type's name after it narrows it to that type. */
export function links(name, targets) {
    return (path, base, existing) => {
        const answer = ({ world, tenant, exchange, roles, id, cast }) => {
            allow(exchange, '$select', '$top', '$count', '$skiptoken');
            const only = cast && castTo(cast, exchange);
            const names = selected(exchange);
            const objects = targets(tenant, existing(tenant, id))
                .map((target) => typed(tenant, target))
                .filter((one) => one && (!only || one.type === only));
            return page(
                world,
                tenant,
                exchange,
                only ? only.collection : 'directoryObjects',
                objects.map((one) => member(one, names, roles)),
            );
        };
        return [
            { ...base, route: `GET ${path}/{id}/${name}`, answer },
            { ...base, route: `GET ${path}/{id}/${name}/{cast}`, answer },
        ];
    };
}

/** A single object as an answer. */
export function entity(world, type, object, names) {
    return {
        body: {
            '@odata.context': `${world.address.graph}/v1.0/$metadata#${type.collection}/$entity`,
            ...shape(type, object, names),
        },
    };
}

// Narrowing by type is an advanced query, which has to say so.
function castTo(cast, exchange) {
    const type = TYPES.find(({ name }) => `microsoft.graph.${name}` === cast);
    if (!type) throw GraphError.badRequest(`Resource not found for the segment '${cast}'.`);
    if (!isAdvanced(exchange)) throw GraphError.unsupported(`OData cast needs ${ADVANCED}.`);
    return type;
}

function isAdvanced({ query, headers }) {
    return query.get('$count') === 'true' && headers.consistencylevel === 'eventual';
}

/** An object of the directory, and of which type it is. */
export function typed(tenant, id) {
    for (const type of TYPES) {
        const object = tenant.find(type.collection, id);
        if (object) return { type, object };
    }
    return undefined;
}

/** An object at the end of a relation. Where the caller may not read its type, only that and the id are told. */
export function member({ type, object }, names, roles) {
    const readable = type.roles.some((role) => roles.has(role));
    const wanted = names?.filter((name) => type.properties.includes(name));
    const known = readable ? object : { id: object.id };
    return {
        '@odata.type': `#microsoft.graph.${type.name}`,
        id: object.id,
        ...shape(type, known, wanted),
    };
}
