// Passkeys: passes a form's options to the browser, writes the authenticator's answer into the form, and sends it.
const longestMs = 9 * 60_000;

for (const form of globalThis.PublicKeyCredential ? document.querySelectorAll('form[data-passkey]') : []) {
  form.closest('[data-passkey-place]').hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    // The challenge expires ten minutes after the page was made.
    if (performance.now() > longestMs) return location.reload();
    try {
      form.elements.passkey.value = JSON.stringify(await sign(JSON.parse(form.dataset.passkey)));
      form.submit();
    } catch {
      form.querySelector('[role=status]').textContent = 'The passkey was not used. You can try once more.';
    }
  });
}

/** A registration contains a user; a sign-in does not. */
async function sign(options) {
  const publicKey = { ...options, challenge: toBytes(options.challenge) };
  for (const list of ['excludeCredentials', 'allowCredentials'])
    if (options[list]) publicKey[list] = options[list].map((one) => ({ ...one, id: toBytes(one.id) }));
  if (options.user === undefined) return toJson(await navigator.credentials.get({ publicKey }));
  publicKey.user = { ...options.user, id: toBytes(options.user.id) };
  return toJson(await navigator.credentials.create({ publicKey }));
}

function toJson({ id, type, rawId, response, authenticatorAttachment }) {
  const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const parts = names.filter((name) => response[name]).map((name) => [name, toText(response[name])]);
  const transports = response.getTransports?.();
  const answer = { ...Object.fromEntries(parts), ...(transports && { transports }) };
  return {
    id,
    type,
    rawId: toText(rawId),
    authenticatorAttachment,
    response: answer,
    clientExtensionResults: {},
  };
}

function toBytes(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
    letter.charCodeAt(0),
  );
}

function toText(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
