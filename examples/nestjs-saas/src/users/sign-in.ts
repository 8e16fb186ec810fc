import { Inject, Injectable, UnauthorizedException } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import { hashPassword, isPassword } from '../access/password.ts'
import { Tokens } from '../access/tokens.ts'
import { CONFIGURATION, type Configuration } from '../configuration.ts'
import type { AccessToken, Credentials } from './user-data.ts'
import { User } from './user.entity.ts'

@Injectable()
export class SignIn {
  readonly #users: Repository<User>
  readonly #tokens: Tokens
  readonly #nobodysHash: Promise<string>

  constructor(
    @InjectRepository(User) users: Repository<User>,
    @Inject(Tokens) tokens: Tokens,
    @Inject(CONFIGURATION) { passwordCost }: Configuration,
  ) {
    this.#users = users
    this.#tokens = tokens
    this.#nobodysHash = hashPassword('nobody', passwordCost)
  }

  /** Of the users of one tenant: that of the subdomain. */
  async signIn({ email, password }: Credentials): Promise<AccessToken> {
    const user = await this.#users.findOne({
      select: { tenantId: true, id: true, role: true, passwordHash: true },
      where: { email },
    })
    // As much work, and the same answer, whether the user or the password is wrong: nobody can find out who is a user.
    const isRight = await isPassword(password, user?.passwordHash ?? (await this.#nobodysHash))
    if (user === null || !isRight)
      throw new UnauthorizedException('The e-mail address or the password is wrong.')
    const token = await this.#tokens.issueForUser({ sub: user.id, tenant_id: user.tenantId, role: user.role })
    return { token }
  }
}
