// The page at which people sign in: it asks for a name and for no password. Where the tenant's
// `signsIn` names a user, it asks nothing.

import { providerOf } from './provider.mjs';

/** Answers a call under /{tenant}/interaction. */
export async function interaction(world, tenant, exchange, response) {
    const { provider } = providerOf(world, tenant);
    const form = new URLSearchParams((await exchange.body()).toString());
    const user = tenant.user(tenant.settings.signsIn ?? form.get('user'));
    if (!user) return page(exchange, form.get('user'));
    const result = { login: { accountId: user.id } };
    const location = await provider.interactionResult(exchange.request, response, result);
    return { status: 303, headers: { location } };
}

function page({ path }, given) {
    const wrong = given === null ? '' : '<p role="alert">There is no such user.</p>';
    const body = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
        <title>Sign in</title><h1>The provider of the tests</h1>${wrong}
        <form method="post" action="${path}">
        <label>User principal name <input id="user" name="user"></label>
        <button id="sign-in">Sign in</button></form>`;
    return { headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}
