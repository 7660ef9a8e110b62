// Who is signed in: a token, kept for this tab or, if asked, for this browser. What it says is read for show only; the
// server checks it.

const KEY = "dropmill.token";
const listeners = new Set();

export function token() {
  return sessionStorage.getItem(KEY) || localStorage.getItem(KEY) || "";
}

export function signIn(text, {keep = false} = {}) {
  signOut({silent: true});
  (keep ? localStorage : sessionStorage).setItem(KEY, text.trim());
  tell();
}

export function signOut({silent = false} = {}) {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  if (!silent) tell();
}

/** Call `listener` whenever somebody signs in or out. */
export function onChange(listener) {
  listeners.add(listener);
}

/** What the token claims: subject, owner and roles. Of an API key nothing is known here. */
export function claims() {
  try {
    const part = token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const told = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
    return {subject: String(told.sub ?? ""), owner: String(told.org ?? told.sub ?? ""), roles: told.roles ?? [],
      expires: told.exp ? new Date(told.exp * 1000) : null};
  } catch {
    return {subject: "", owner: "", roles: [], expires: null};
  }
}

export function isOperator() {
  return claims().roles.includes("operator");
}

function tell() {
  for (const listener of listeners) listener();
}
