/* PID 1 of a container made with --init: starts the command, passes signals on to it, reaps what is orphaned, ends as it ended.
   Called as `docker-init [-OPTIONS] -- COMMAND [ARGUMENT…]`. Ends with 128 + n where signal n ended the command, with 127 or 126 where
   it could not be started. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool starts_with_dash(const char *text) {
  return text[0] == '-' && text[1] != '\0';
}

/* A group of its own in the foreground of the terminal, so that keys reach the command and not its init. */
static void take_terminal(void) {
  setpgid(0, 0);
  signal(SIGTTOU, SIG_IGN);
  if (isatty(STDIN_FILENO)) tcsetpgrp(STDIN_FILENO, getpgrp());
  signal(SIGTTOU, SIG_DFL);
}

static void become(char **command, const sigset_t *before) {
  take_terminal();
  sigprocmask(SIG_SETMASK, before, NULL);
  execvp(command[0], command);
  int code = errno == ENOENT ? 127 : 126;
  fprintf(stderr, "exec %s: %s\n", command[0], strerror(errno));
  _exit(code);
}

static int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps all that have ended; true once the command itself has. */
static bool reap(pid_t command, int *code) {
  bool ended = false;
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != command) continue;
    ended = true;
    *code = exit_code(status);
  }
  return ended;
}

/* Signals that tell of this process's own doings, or of faults in it, are not the command's. */
static void choose_signals(sigset_t *passed) {
  static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};
  sigfillset(passed);
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) sigdelset(passed, own[i]);
}

int main(int argc, char **argv) {
  int at = 1;
  while (at < argc && starts_with_dash(argv[at]) && strcmp(argv[at], "--") != 0) at++;
  if (at < argc && strcmp(argv[at], "--") == 0) at++;
  if (at >= argc) {
    fprintf(stderr, "usage: %s -- COMMAND [ARGUMENT...]\n", argv[0]);
    return 2;
  }
  sigset_t passed, before;
  choose_signals(&passed);
  sigprocmask(SIG_SETMASK, &passed, &before);
  pid_t command = fork();
  if (command < 0) {
    fprintf(stderr, "fork: %s\n", strerror(errno));
    return 126;
  }
  if (command == 0) become(argv + at, &before);
  for (int code = 0;;) {
    int number = sigwaitinfo(&passed, NULL);
    if (number < 0) continue;
    if (number == SIGCHLD) {
      if (reap(command, &code)) return code;
    } else {
      kill(command, number);
    }
  }
}
