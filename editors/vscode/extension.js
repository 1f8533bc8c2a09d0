// Starts `incdsl lsp` and hands it the texts.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function settings() {
  const own = vscode.workspace.getConfiguration("incdsl");
  return { inlayShapes: own.get("inlayShapes"), showUses: true };
}

async function start() {
  const [command, ...args] = vscode.workspace.getConfiguration("incdsl").get("command");
  client = new LanguageClient(
    "incdsl",
    "incdsl",
    { command, args },
    { documentSelector: [{ language: "inc" }], initializationOptions: settings() }
  );
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(`incdsl: \`${command}\` does not start; pip install 'incdsl[lsp]' (${error.message})`);
  }
}

function showUses(uri, position, locations) {
  const convert = client.protocol2CodeConverter;
  return vscode.commands.executeCommand(
    "editor.action.showReferences",
    convert.asUri(uri),
    convert.asPosition(position),
    locations.map(convert.asLocation)
  );
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("incdsl.showUses", showUses),
    vscode.commands.registerCommand("incdsl.restart", async () => {
      await client?.stop();
      await start();
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("incdsl")) {
        client?.sendNotification("workspace/didChangeConfiguration", { settings: { incdsl: settings() } });
      }
    })
  );
  await start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
