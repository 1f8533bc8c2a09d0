// Starts `incdsl lsp` for the specs that are open, and says how it is.
const { execFile } = require("node:child_process");
const vscode = require("vscode");
const { LanguageClient, State } = require("vscode-languageclient/node");

const INSTALL = "pip install 'incdsl[lsp]'";

let client;
let log;
let status;
let turn = Promise.resolve(); // one start or stop at a time

function own() {
  return vscode.workspace.getConfiguration("incdsl");
}

// Which server

/** The command of the settings; else the project's Python, where its extension knows one, then the path. */
async function commands() {
  const wanted = own().get("command");
  if (wanted.length) return [wanted];
  const python = await interpreter();
  return [...(python ? [[python, "-m", "incdsl", "lsp"]] : []), ["incdsl", "lsp"]];
}

async function interpreter() {
  try {
    const python = vscode.extensions.getExtension("ms-python.python");
    const { environments } = (await python?.activate()) ?? {};
    const active = environments?.getActiveEnvironmentPath();
    return active && (await environments.resolveEnvironment(active))?.executable.uri?.fsPath;
  } catch (error) {
    log.warn(`The Python extension names no interpreter: ${error.message}`);
    return undefined;
  }
}

/** The version that a command would start; throws with what the command says if it would start none. */
function version([program, ...args]) {
  return new Promise((resolve, reject) => {
    execFile(program, [...args, "--version"], { timeout: 30_000, cwd: folder() }, (error, stdout, stderr) => {
      if (!error) resolve(stdout.trim());
      else if (error.code === "ENOENT") reject(new Error(`there is no \`${program}\`${program.includes("/") ? "" : " on the path"}`));
      else reject(new Error(stderr.trim().split("\n").pop() || error.message));
    });
  });
}

function folder() {
  const first = vscode.workspace.workspaceFolders?.[0]?.uri;
  return first?.scheme === "file" ? first.fsPath : undefined;
}

// Its life

async function start() {
  const reasons = [];
  show("looking for the server", { busy: true });
  for (const command of await commands()) {
    try {
      const found = await version(command);
      log.info(`${command.join(" ")}: ${found}`);
      await serve(command, found);
      return;
    } catch (error) {
      reasons.push(`\`${command.join(" ")}\`: ${error.message}`);
    }
  }
  reasons.forEach((reason) => log.error(reason));
  show("no server", { detail: reasons[0], severity: vscode.LanguageStatusSeverity.Error });
  void help(reasons[0]);
}

async function serve([command, ...args], found) {
  const options = {
    documentSelector: [{ language: "inc" }],
    initializationOptions: { inlayShapes: own().get("inlayShapes"), showUses: true },
    synchronize: { configurationSection: "incdsl" },
    outputChannel: log,
  };
  client = new LanguageClient("incdsl", "incdsl", { command, args, options: { cwd: folder() } }, options);
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) show(found, { detail: [command, ...args].join(" ") });
    if (newState === State.Stopped) show("stopped", { severity: vscode.LanguageStatusSeverity.Warning });
  });
  await client.start();
}

async function stop() {
  const last = client;
  client = undefined;
  try {
    await last?.dispose();
  } catch (error) {
    log.warn(`The last server did not end in order: ${error.message}`);
  }
}

function restart() {
  turn = turn.then(stop).then(start).catch((error) => show(error.message, { severity: vscode.LanguageStatusSeverity.Error }));
  return turn;
}

// What the user sees

function show(text, { detail = "", busy = false, severity = vscode.LanguageStatusSeverity.Information } = {}) {
  Object.assign(status, { text, detail, busy, severity });
}

async function help(reason) {
  const copy = "Copy the command";
  const settings = "Settings";
  const told = `incdsl finds no language server: ${reason}. \`${INSTALL}\` brings it; incdsl.command says where it is.`;
  const chosen = await vscode.window.showErrorMessage(told, copy, settings);
  if (chosen === copy) await vscode.env.clipboard.writeText(INSTALL);
  if (chosen === settings) await vscode.commands.executeCommand("workbench.action.openSettings", "incdsl.command");
}

/** What a click on a lens does. */
function showUses(uri, position, locations) {
  const { asUri, asPosition, asLocation } = client.protocol2CodeConverter;
  const uses = locations.map((each) => asLocation(each));
  return vscode.commands.executeCommand("editor.action.showReferences", asUri(uri), asPosition(position), uses);
}

async function activate(context) {
  log = vscode.window.createOutputChannel("incdsl", { log: true });
  status = vscode.languages.createLanguageStatusItem("incdsl.server", { language: "inc" });
  status.name = "incdsl";
  status.command = { command: "incdsl.restart", title: "Restart" };
  context.subscriptions.push(
    log,
    status,
    vscode.commands.registerCommand("incdsl.showUses", showUses),
    vscode.commands.registerCommand("incdsl.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("incdsl.command")) void restart();
    })
  );
  await restart();
}

async function deactivate() {
  await turn;
  await stop();
}

module.exports = { activate, deactivate };
